"""From pixels to events: sources, detection, tracks, rules, evidence and the durable spool."""
