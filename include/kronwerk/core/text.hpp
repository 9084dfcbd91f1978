#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kronwerk::core {

/// The candidate nearest to `name` by edit distance, or "" if none is near enough to suggest.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

/// " (did you mean 'tolerance'?)" or "".
std::string suggestion(std::string_view name, std::span<const std::string> candidates);

std::string join(std::span<const std::string> parts, std::string_view separator);

/// Position of the first byte that begins no character of UTF-8; npos if all is UTF-8.
std::size_t find_non_utf8(std::string_view text);

/// "1.5 GB" (decimal units, three significant digits).
std::string format_bytes(double bytes);

/// "1.23 ms", "4.56 s", "2 min 03 s".
std::string format_seconds(double seconds);

/// "9,653,449".
std::string format_count(long long count);

}  // namespace kronwerk::core
