"""What turns drills.yaml into a CloudFormation template."""
