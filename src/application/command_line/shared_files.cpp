#include "application/command_line/shared_files.hpp"

#include <filesystem>

namespace kronwerk::application {

SharedFile find_shared(const std::string& installed, const std::string& source) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error).parent_path();
  const auto first = (program / "../share/kronwerk" / installed).lexically_normal();
  for (const auto& place : {first, (program / "../.." / source).lexically_normal()}) {
    if (fs::exists(place, error)) return {place.string(), first.string()};
  }
  return {"", first.string()};
}

}  // namespace kronwerk::application
