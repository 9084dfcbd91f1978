#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// What stands at the positions of one dimension of a dataset or sparse matrix, by a list of
/// strings beside it in its file.
struct ModeIds {
  Location data;     ///< whose dimension it is
  std::string list;  ///< the dataset of the ids
  std::vector<std::string> ids;
};
using ModeIdsPtr = std::shared_ptr<const ModeIds>;

/// The ids of each dimension of what is at `info.location`, as the importers name them: <path>_ids
/// for every dimension of that extent, <path>_row_ids for the first, <path>_column_ids for the
/// second, or <path>_ids_<d> for dimension d = 1, 2, …; null where there are none. Serial. @throws
/// DataError if the file cannot be read
std::vector<ModeIdsPtr> find_mode_ids(const DatasetInfo& info);

/// How two lists of one mode contradict each other: an id that both have is at different positions.
/// Lists without a common id, and lists that only count (0, 1, … and 1, 2, …), do not.
struct IdConflict {
  std::string id;
  core::Index first = 0;   ///< its position in the first list
  core::Index second = 0;  ///< in the second
  bool reordered = false;  ///< both lists have the same ids
};
std::optional<IdConflict> find_conflict(const std::vector<std::string>& first,
                                        const std::vector<std::string>& second);

}  // namespace kronwerk::io
