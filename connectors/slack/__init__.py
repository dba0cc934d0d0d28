"""Slack: the assistant as a colleague in channels, threads and direct messages."""
