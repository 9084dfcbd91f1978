#pragma once

namespace kronwerk::factors {

/// Whether the program was built with ScaLAPACK, which spreads factorisations of large dense
/// matrices over the ranks. Without it one rank computes each.
bool has_scalapack() noexcept;

/// Whether it was built with ELPA, which does the same for eigenvalues, faster than ScaLAPACK.
bool has_elpa() noexcept;

}  // namespace kronwerk::factors
