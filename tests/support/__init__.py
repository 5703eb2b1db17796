"""What tests share: records to begin with, and the stand-ins for what is outside."""
