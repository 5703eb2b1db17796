"""Other ways to read a topic, each as its own documentation shows it; they run in an environment of their own."""
