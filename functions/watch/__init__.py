"""What looks after the drills from outside."""
