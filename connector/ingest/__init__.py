"""From the source topic to the by-user topic: read, identify, key by person. Pure; edges do the IO."""
