"""State machines as AWS Step Functions offers them: definitions, versions, aliases, executions and activities.

The API and the commands use the same services.
"""
