"""What hangs on the wires: serial links, scales, card readers, signal lights. Only this package imports pyserial."""
