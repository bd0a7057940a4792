"""S3 object versions: the drill of the kind `s3_versions`, and a bucket as it was at a time."""
