"""A convolutional network trained from nothing on a folder of photos, without any pretrained one."""
