"""Count with exported ONNX files, alone or as a counter of crowdkit."""
