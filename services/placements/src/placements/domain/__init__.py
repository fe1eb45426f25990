"""The rules of alternative provision and of exclusions, pure: places, matching, holds, duties, risk."""
