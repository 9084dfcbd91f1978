#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include "fuzz/fuzz.hpp"

namespace kronwerk::fuzz {

/// A folder of this process, for the files of one case after the other; in memory where the system
/// has such a place, unless TMPDIR says otherwise.
class ScratchFolder {
 public:
  ScratchFolder() {
    namespace fs = std::filesystem;
    const bool chosen = std::getenv("TMPDIR") != nullptr || !fs::is_directory("/dev/shm");
    path_ = (chosen ? fs::temp_directory_path() : fs::path("/dev/shm")) /
            ("kronwerk-fuzz-" + std::to_string(::getpid()));
    fs::create_directories(path_);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string file(const std::string& name) const { return (path_ / name).string(); }

  /// Writes a file of the folder and returns its name.
  std::string write(const std::string& name, std::string_view contents) const {
    const std::string path = file(name);
    std::FILE* stream = std::fopen(path.c_str(), "wb");
    require(stream != nullptr, "a scratch file cannot be written");
    const std::size_t written = std::fwrite(contents.data(), 1, contents.size(), stream);
    require(std::fclose(stream) == 0 && written == contents.size(), "the scratch folder is full");
    return path;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace kronwerk::fuzz
