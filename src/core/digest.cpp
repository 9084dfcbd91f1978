#include "kronwerk/core/digest.hpp"

#include <cstring>

namespace kronwerk::core {
namespace {

// Multiplication by an odd number and a shift: each is a bijection (Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

std::uint64_t digest(std::string_view bytes, std::uint64_t seed) noexcept {
  std::uint64_t state = mix(seed + 0x9e3779b97f4a7c15U + bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at,
                at + sizeof word <= bytes.size() ? sizeof word : bytes.size() - at);
    state = mix(state ^ word);
  }
  return state;
}

}  // namespace kronwerk::core
