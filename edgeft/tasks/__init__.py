"""What is asked and answered: a file for each task.

``task.Task`` says what a task consists of. Importing this needs the standard library alone.
"""
