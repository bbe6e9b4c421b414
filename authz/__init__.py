"""Agent Personas: every call of an agent checked against the job it was deployed to do."""
