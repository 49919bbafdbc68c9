"""Every pretrained network becomes a `Backbone`, a frozen graph from pixels to one vector per picture."""
