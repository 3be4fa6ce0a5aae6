"""Dead letters put back, and past periods worked through again by what is known now."""
