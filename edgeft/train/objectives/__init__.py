"""What each task's training minimizes."""
