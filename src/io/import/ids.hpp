#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// Positions of ids in a list without duplicates.
class IdIndex {
 public:
  explicit IdIndex(std::vector<std::string> ids);
  const std::vector<std::string>& ids() const noexcept { return ids_; }
  core::Index size() const noexcept { return static_cast<core::Index>(ids_.size()); }
  bool contains(std::string_view id) const { return positions_.contains(std::string(id)); }
  /// @throws DataError as file:line, with the nearest id
  core::Index position(std::string_view id, const std::string& file, core::Index line) const;

 private:
  std::vector<std::string> ids_;
  std::unordered_map<std::string, core::Index> positions_;
};

/// The ids an order file lists. @throws DataError with file and line for duplicates, and for a
/// first line that may or may not be a header
/// @param is_known  whether the data have an id
std::vector<std::string> read_order(const OrderFile& order,
                                    const std::function<bool(const std::string&)>& is_known);

/// For each id of `order`, its position in `ids`; both must hold the same ids.
/// @throws DataError that names an id of one that the other has not
std::vector<core::Index> permutation(const OrderFile& order, const std::vector<std::string>& ids,
                                     const std::string& data_file);

/// value → transformed value, NaN → NaN; another result that is not finite is refused at that line.
double transformed(Transform transform, double value, const std::string& file, core::Index line);

}  // namespace kronwerk::io
