#pragma once

#include <hdf5.h>

#include <string>
#include <type_traits>
#include <utility>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/source_location.hpp"

namespace kronwerk::io {

/// Owning, move-only handle of an HDF5 identifier.
template <herr_t (*close_function)(hid_t)>
class Handle {
 public:
  Handle() = default;
  /// Takes over an identifier; a negative one makes an empty handle.
  static Handle adopt(hid_t id) noexcept {
    Handle handle;
    handle.id_ = id;
    return handle;
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      close();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }

  hid_t get() const noexcept { return id_; }
  explicit operator bool() const noexcept { return id_ >= 0; }
  /// Closes now; negative if HDF5 reports a failure.
  herr_t close() noexcept {
    const hid_t id = std::exchange(id_, H5I_INVALID_HID);
    return id >= 0 ? close_function(id) : 0;
  }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using FileHandle = Handle<H5Fclose>;
using GroupHandle = Handle<H5Gclose>;
using ObjectHandle = Handle<H5Oclose>;
using DatasetHandle = Handle<H5Dclose>;
using SpaceHandle = Handle<H5Sclose>;
using TypeHandle = Handle<H5Tclose>;
using AttributeHandle = Handle<H5Aclose>;
using PropertiesHandle = Handle<H5Pclose>;

static_assert(!std::is_copy_constructible_v<FileHandle>);
static_assert(std::is_nothrow_move_constructible_v<FileHandle>);

/// Stops HDF5 from printing its error stack; every entry into the library comes after this.
void quiet_hdf5();

/// HDF5's innermost description of the last failure; "" if there is none.
std::string hdf5_error_text();

/// Throws ResourceError if the last failure was a full disk or quota, else Hdf5Error: `message`
/// followed by HDF5's own text.
[[noreturn]] void throw_hdf5(const std::string& message,
                             core::SourceLocation where = core::SourceLocation::current());

/// Access properties for files: the POSIX driver without file locks. Many cluster file systems
/// refuse locks, and whole-file renames make them unnecessary.
PropertiesHandle file_access();

/// "/W" for "W", "/W/", "//W" and "/./W": "." is the group itself to HDF5.
std::string normalised_path(const std::string& path);

/// `path` without its last part: "/a" for "/a/b", "/" for "/a".
std::string parent_path(const std::string& path);

}  // namespace kronwerk::io
