#pragma once

namespace kronwerk::application {

/// Whether a person watches standard output. Under mpirun, every rank's output is a pseudo-terminal
/// whatever mpirun's own is, so mpirun's is looked at.
bool output_is_watched();

}  // namespace kronwerk::application
