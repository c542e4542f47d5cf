"""The nouns of a running execution: frames, stimuli, steps, pages and effects."""
