"""From a manifest to a trained model: pairing, planning, resampling, augmentation, the loop, inference."""
