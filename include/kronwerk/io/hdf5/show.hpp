#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kronwerk::io {

/// What a data or result file holds, in words.
struct FileDescription {
  using Lines =
      std::vector<std::pair<std::string, std::string>>;  ///< names and what is said of them
  std::string file;
  double bytes = 0;
  /// Shapes, types and attributes (of a sparse matrix: shape, stored entries, density); least,
  /// greatest and mean value of numbers up to a million elements.
  Lines datasets;
  std::vector<std::pair<std::string, Lines>> groups;  ///< their attributes, such as the report's
  std::vector<std::string> notes;                     ///< of the whole file
  std::string configuration;                          ///< of the job whose result it is
};

/// Serial: call it on one rank.
/// @throws DataError if the file does not exist, is no HDF5 or is truncated
FileDescription examine_file(const std::string& file);

/// As tables, the configuration last.
std::string to_text(const FileDescription& description);

/// to_text(examine_file(file)).
std::string describe_file(const std::string& file);

}  // namespace kronwerk::io
