"""ONNX graphs: made from a network, rounded to 8 bits, opened."""
