#pragma once

#include <cstdint>
#include <string_view>

namespace kronwerk::core {

/// A number that tells bytes from others by accident, not by intent: 64 bits, the same on every
/// machine of one byte order. Serial; some gigabytes per second.
/// @param seed  of what came before, so that pieces make one digest
std::uint64_t digest(std::string_view bytes, std::uint64_t seed = 0) noexcept;

}  // namespace kronwerk::core
