"""Exercises on a twin: a story, a fault that is really there, goals that are judged by looking, a score sheet."""
