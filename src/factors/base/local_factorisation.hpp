#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// One factorisation in the making, on the one rank that owns it.
///
/// How factorise() uses it, phase by phase, with an agreement of all ranks after each:
///  1. the owner calls factor.begin_factorisation(); whatever must be known before the memory is
///     allocated (a sparse factor's fill) is computed there;
///  2. every node allocates bytes() of shared memory (none where bytes() is 0);
///  3. the owner calls store(), which fills it; the computation itself may take place here, in the
///     shared memory (a dense LU does, so that no second copy exists);
///  4. the other nodes are sent the bytes, so nothing in them may be an address;
///  5. every rank calls factor.attach_factorisation(memory).
/// Steps 1 and 3 run on different ranks at the same time for different factors, may throw
/// (throw_singular(), ResourceError), and must not communicate.
class LocalFactorisation {
 public:
  LocalFactorisation() = default;
  LocalFactorisation(const LocalFactorisation&) = delete;
  LocalFactorisation& operator=(const LocalFactorisation&) = delete;
  virtual ~LocalFactorisation() = default;

  /// What store() needs; final when the constructor has returned.
  virtual std::size_t bytes() const = 0;
  /// @param target  bytes() long, aligned to 64 bytes, not initialised
  virtual void store(std::byte* target) = 0;
};

/// Throws the DataError of design section 5 for a singular factor:
/// the factor 'I - rho*W' (305 x 305) is singular to working precision (reciprocal condition …); …
[[noreturn]] void throw_singular(const Factor& factor, double reciprocal_condition);
/// The same of a matrix that is no factor.
[[noreturn]] void throw_singular(const std::string& name, Index extent,
                                 double reciprocal_condition);

/// Below this reciprocal condition (1-norm estimate) a factor counts as singular.
inline constexpr double singular_threshold = 1e-15;

/// Lays out several arrays one after another, each aligned to 64 bytes, in one piece of memory. The
/// same sequence of add() calls on the writing and the reading side gives the same offsets.
class FlatLayout {
 public:
  /// Byte offset of an array of `count` elements of type T.
  template <typename T>
  std::size_t add(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64);
    const std::size_t offset = bytes_;
    bytes_ += (count * sizeof(T) + 63) / 64 * 64;
    return offset;
  }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

template <typename T>
std::span<T> flat_span(std::byte* base, std::size_t offset, std::size_t count) {
  return {reinterpret_cast<T*>(base + offset), count};
}
template <typename T>
std::span<const T> flat_span(const std::byte* base, std::size_t offset, std::size_t count) {
  return {reinterpret_cast<const T*>(base + offset), count};
}

}  // namespace kronwerk::factors
