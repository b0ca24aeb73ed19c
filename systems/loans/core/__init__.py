"""What every part of the system uses: time, deliveries, sweeps, errors."""
