//! Files to chunks: discovery, identity, rotation, framing, journal and checkpoint.
