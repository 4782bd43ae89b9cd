"""Writes the user agents that the package crawler-user-agents lists, one a line:

    python3 crawlers.py path/to/crawler-user-agents.json > crawler-user-agents.txt
"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    listed = {agent for entry in json.load(file) for agent in entry.get("instances", [])}
# What holds a line break cannot stand in a header.
print("\n".join(sorted(agent for agent in listed if agent.strip() and len(agent.splitlines()) == 1)))
