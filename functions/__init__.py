"""The code of the drills: imported as `functions.*` in Lambda, in the lab and in tests alike."""
