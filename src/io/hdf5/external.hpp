#pragma once

#include <string>

#include "io/hdf5/hdf5_handle.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// Access to links of a file that stays within it, unless the location allows to leave it: an
/// external link is not followed, and remembered for the message. Serial.
class LinkAccess {
 public:
  explicit LinkAccess(const Location& location);
  LinkAccess(const LinkAccess&) = delete;
  LinkAccess& operator=(const LinkAccess&) = delete;

  /// For H5Oopen and the like, and as an access list of datasets.
  hid_t get() const noexcept { return properties_.get(); }
  /// @throws DataError if an external link was met that must not be followed
  void check() const;

 private:
  Location location_;
  std::string met_;  ///< "FILE:/path" of the link; empty: none
  PropertiesHandle properties_;
};

/// Refuses a dataset whose values are elsewhere (external storage, virtual) unless its location
/// allows that; then, one whose sources are not all there, or lead back to it. To be called before
/// anything is asked of the dataset but its creation properties. Serial. @throws DataError
void check_storage(hid_t dataset, const Location& location);

/// "virtual, from 3 sources", "stored outside, in raw.bin"; empty for values in the file itself.
std::string storage_text(hid_t dataset);

}  // namespace kronwerk::io
