"""What tests share: real parts to run on."""
