"""MCP of both eras: with sessions up to 2025-11-25, stateless from 2026-07-28."""
