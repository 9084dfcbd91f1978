#pragma once

#include <cstddef>

#include "factors/base/local_factorisation.hpp"
#include "factors/dense/dense_apply.hpp"

namespace kronwerk::factors {

/// The explicit inverse is used up to this extent, where triangular solves are far from GEMM's
/// rate.
inline constexpr Index inverse_extent = 64;

/// What a dense factorisation knows besides its triangles.
struct DenseHeader {
  double reciprocal_condition = 0;
  double log_abs = 0;
  Index sign = 1;
  Index is_cholesky = 0;
  Index has_inverse = 0;
};

/// Where the parts of a dense factorisation lie in its node-shared memory.
struct DenseLayout {
  DenseLayout(Index extent, bool with_inverse) : has_inverse_room(with_inverse) {
    const auto n = static_cast<std::size_t>(extent);
    FlatLayout layout;
    header = layout.add<DenseHeader>(1);
    permutation = layout.add<Index>(n);
    triangles = layout.add<double>(n * n);
    inverse = layout.add<double>(with_inverse ? n * n : 0);
    bytes = layout.bytes();
  }

  bool has_inverse_room;
  std::size_t header;
  std::size_t permutation;
  std::size_t triangles;
  std::size_t inverse;
  std::size_t bytes;
};

/// A = Lower Upper P with (P v)[i] = v[permutation[i]] and a unit diagonal in Upper; for a Cholesky
/// factorisation A = Lower Lowerᵀ. Row-major; `inverse` is A⁻¹ where the header says so.
struct DenseStorage {
  DenseStorage(std::byte* base, const DenseLayout& layout)
      : header(reinterpret_cast<DenseHeader*>(base + layout.header)),
        permutation(reinterpret_cast<Index*>(base + layout.permutation)),
        triangles(reinterpret_cast<double*>(base + layout.triangles)),
        inverse(reinterpret_cast<double*>(base + layout.inverse)) {}

  DenseHeader* header;
  Index* permutation;
  double* triangles;
  double* inverse;
};

/// A x = b or Aᵀ x = b by two triangular solves per panel of fibres; the row exchanges happen while
/// a panel is copied in or out. Local; x may be b. Uses Scratch::panel.
void solve_with_triangles(Index extent, const DenseStorage& storage, ConstView b, View x,
                          bool transposed);

/// x = A⁻¹ b or A⁻ᵀ b with the explicit inverse. Local; x may be b. Uses Scratch::panel.
void apply_inverse(Index extent, const DenseStorage& storage, ConstView b, View x, bool transposed);

}  // namespace kronwerk::factors
