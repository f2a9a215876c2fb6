"""Events as every release stored them: today's code reads each, and comes to the state that release came to."""
