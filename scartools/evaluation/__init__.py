"""How good a segmentation is: overlap and volumes by patient, with what is missing said and paired intervals."""
