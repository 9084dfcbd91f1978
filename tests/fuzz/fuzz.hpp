#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kronwerk/core/error.hpp"

/// What libFuzzer calls with every input; a program defines one of them. replay_main.cpp calls the
/// same function with the files of a corpus, so that these are ordinary tests of every compiler.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace kronwerk::fuzz {

/// Longer messages than this help nobody.
inline constexpr std::size_t longest_message = 20'000;

/// Ends the process, which libFuzzer takes for a crash and whose input it keeps.
[[noreturn]] inline void fail(std::string_view what) {
  std::fprintf(stderr, "property violated: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

inline void require(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

/// Runs one case. True if it was accepted, false if it was refused for what it holds or needs:
/// errors whose exit code is 2 or 4. Any other exception ends the process, since the program would
/// return 1 and blame itself.
template <typename Work>
bool accepted(const Work& work) {
  try {
    work();
  } catch (const core::Error& error) {
    const std::string message = error.what();
    const core::ExitCode code = core::exit_code(error.kind());
    require(code == core::ExitCode::configuration || code == core::ExitCode::resources,
            "refused with exit code " + std::to_string(static_cast<int>(code)) + ": " + message);
    require(!message.empty() && message.size() <= longest_message,
            "a message of " + std::to_string(message.size()) + " bytes");
    return false;
  }
  return true;
}

inline std::string to_text(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

}  // namespace kronwerk::fuzz
