"""A checkpoint becomes a smaller one that learned from it: layers dropped, or a static student.

student.py    which student is wanted, and the checkpoint that it begins as
layers.py     a copy of the teacher with some of its layers
static.py     token vectors from the teacher's own outputs
teacher.py    what the teacher says of inputs
pupil.py      a student that learns beside its teacher
objective.py  what is learned: the teacher's answers, and the true ones where they are known
run.py        the way from the request to the checkpoint
"""
