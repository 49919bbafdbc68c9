"""Every pretrained network, however it is published, becomes a `Backbone`: a frozen graph from pixels to one vector."""
