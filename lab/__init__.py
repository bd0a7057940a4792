"""The lab: an embedded AWS on this machine, for the same template, line and function code.

Importing it hides the user's own AWS configuration (profile, region, keys, files, endpoints) from
this process: nothing in the lab may ever act on a real account, and moto reads it on import.
"""

import os

for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ["AWS_CONFIG_FILE"] = os.devnull
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
