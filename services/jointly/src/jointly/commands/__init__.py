"""The operator's and the newcomer's commands, one module each, loaded when they are called."""
