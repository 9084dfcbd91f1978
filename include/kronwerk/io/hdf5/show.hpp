#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// What a data or result file holds.
struct FileDescription {
  /// A text (in words what it is, if neither texts nor up to 16 numbers), or numbers.
  using Value = std::variant<std::string, std::vector<double>>;
  using Attributes = std::vector<std::pair<std::string, Value>>;

  /// Of values of which those that are not finite are left out.
  struct Statistics {
    double least = 0;
    double greatest = 0;
    double mean = 0;
    core::Index not_finite = 0;
  };
  struct Dataset {
    std::string path;
    std::string unread;  ///< why nothing more is known of it; else empty
    DatasetInfo info;
    std::optional<Statistics> statistics;  ///< of numbers, up to a million of them
    std::vector<std::string> strings;      ///< the first of a list of strings
    Attributes attributes;
  };

  std::string file;
  double bytes = 0;
  std::vector<Dataset> datasets;                           ///< sparse matrices among them
  std::vector<std::pair<std::string, Attributes>> groups;  ///< with attributes, as the report's
  std::vector<std::string> notes;                          ///< of the whole file
  std::string configuration;                               ///< of the job whose result it is
};

/// Serial: call it on one rank.
/// @throws DataError if the file does not exist, is no HDF5 or is truncated
FileDescription examine_file(const std::string& file);

/// As tables, the configuration last.
std::string to_text(const FileDescription& description);

/// to_text(examine_file(file)).
std::string describe_file(const std::string& file);

}  // namespace kronwerk::io
