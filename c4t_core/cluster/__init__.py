"""Beyond one machine: shared tables of frames, filled by many machines and searched by all."""
