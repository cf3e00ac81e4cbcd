// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessControlDefaultAdminRules} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {Context} from "@openzeppelin/contracts/utils/Context.sol";
import {IRoomRegistry} from "./IRoomRegistry.sol";

/// @title RoomRegistry
/// @notice The rooms of one deployment. It has no proxy and can not be changed;
/// IRoomRegistry says what each call does and what each number means.
/// @dev It never stores a host key, an envelope or anything secret, and no room
/// can make a call of the bridge revert.
contract RoomRegistry is IRoomRegistry, AccessControlDefaultAdminRules, ERC2771Context {
    /// @notice May provision, fail, reissue, refuse outputs, announce
    /// recordings, end rooms.
    bytes32 public constant BRIDGE_ROLE = keccak256("BRIDGE_ROLE");
    /// @notice May end any room.
    bytes32 public constant MODERATOR_ROLE = keccak256("MODERATOR_ROLE");

    uint256 internal constant MAX_TITLE = 1024;
    uint256 internal constant MAX_ENVELOPE = 2048;
    uint256 internal constant MAX_TARGET = 2048;
    uint256 internal constant MAX_OUTPUTS = 50;
    uint256 internal constant MAX_PREFIX = 256;
    uint256 internal constant MAX_SUFFIX = 128;
    uint256 internal constant MAX_SUFFIXES = 32;

    uint8 internal constant INGEST_WEBRTC = 2;
    uint8 internal constant ACCESS_SIGNED = 1;

    uint8 internal constant STATE_NONE = 0;
    uint8 internal constant STATE_OPEN = 1;
    uint8 internal constant STATE_FAILED = 2;
    uint8 internal constant STATE_ENDED = 3;

    uint8 internal constant URL_HLS = 0;
    uint8 internal constant URL_DASH = 1;
    uint8 internal constant URL_WEBRTC = 2;
    uint8 internal constant URL_LIFECYCLE = 4;
    uint8 internal constant URL_THUMBNAIL = 6;

    uint8 internal constant OUTPUT_NONE = 0;
    uint8 internal constant OUTPUT_ENABLED = 1;
    uint8 internal constant OUTPUT_DISABLED = 2;

    uint8 internal constant FITS = 0;
    uint8 internal constant SKIP_UNKNOWN_ROOM = 1;
    uint8 internal constant SKIP_NOT_OPEN = 2;
    uint8 internal constant SKIP_STALE_EPOCH = 3;
    uint8 internal constant SKIP_FUTURE_EPOCH = 4;
    uint8 internal constant SKIP_PROVISIONED = 5;
    uint8 internal constant SKIP_UNKNOWN_ORIGIN = 6;
    uint8 internal constant SKIP_ENVELOPE = 7;
    uint8 internal constant SKIP_ZERO_UID = 8;
    uint8 internal constant SKIP_LAST_EPOCH = 9;
    uint8 internal constant SKIP_UNKNOWN_OUTPUT = 10;

    /// @dev What the host decides: exactly one slot.
    struct Core {
        address host;
        uint40 createdAt;
        uint8 state;
        uint8 ingest;
        uint8 access;
        bool keepRecording;
        uint8 outputCount; // present outputs
        uint16 lastOutputId; // ids given so far
    }

    /// @dev What the bridge decides: exactly one slot. All zero until a room is
    /// provisioned or rotated, so that creating a room does not pay for it;
    /// hence `rotations`, which is the epoch less 1.
    struct Link {
        bytes16 inputUid;
        bytes8 credentialHash;
        uint24 rotations;
        uint24 provisionedEpoch;
        uint16 originId;
    }

    struct StoredRoom {
        Core core;
        Link link;
        string title;
    }

    /// @dev Limits and what createRoom counts against them: one slot.
    struct Config {
        uint32 maxOpenPerHost;
        uint32 maxOpenTotal;
        uint32 maxAge;
        uint32 openTotal;
        uint16 maxTitle;
        bool paused;
        uint104 fee;
    }

    struct Origin {
        string prefix;
        string[] suffixes;
    }

    Config private _config;
    mapping(uint96 roomId => StoredRoom) private _rooms;
    mapping(address host => uint32) private _openOf;
    mapping(uint96 roomId => mapping(uint32 outputId => uint8 state)) private _outputs;

    uint16 private _originCount;
    mapping(uint16 originId => Origin) private _origins;

    uint16 private _bridgeKeyId;
    bytes private _bridgeKey;
    mapping(uint16 keyId => bool) private _keyIdUsed;

    /// @notice Deploys with open limits: 100 rooms a host, 10,000 in all, anyone
    /// may end a room after 30 days, titles of 200 bytes, no fee.
    /// @param admin first holder of DEFAULT_ADMIN_ROLE
    /// @param adminTransferDelay seconds that a change of admin must wait
    /// @param trustedForwarder ERC-2771 forwarder, or zero for none
    constructor(address admin, uint48 adminTransferDelay, address trustedForwarder)
        AccessControlDefaultAdminRules(adminTransferDelay, admin)
        ERC2771Context(trustedForwarder)
    {
        _setLimits(100, 10_000, 30 days, 200, 0);
    }

    // ---------------------------------------------------------------- anyone

    /// @inheritdoc IRoomRegistry
    function createRoom(
        uint8 ingest,
        uint8 access,
        bool keepRecording,
        bytes32 ref,
        string calldata title,
        bytes calldata hostKey
    ) external payable returns (uint96 roomId) {
        address host = _msgSender();

        if (ingest > INGEST_WEBRTC) revert BadIngest(ingest);
        if (access > ACCESS_SIGNED) revert BadAccess(access);
        _checkKey(hostKey);
        _takePlace(host, bytes(title).length);

        roomId = roomIdOf(host, ingest, hostKey);
        StoredRoom storage stored = _rooms[roomId];
        if (stored.core.state != STATE_NONE) revert RoomExists(roomId);
        stored.core = Core({
            host: host,
            createdAt: uint40(block.timestamp),
            state: STATE_OPEN,
            ingest: ingest,
            access: access,
            keepRecording: keepRecording,
            outputCount: 0,
            lastOutputId: 0
        });
        if (bytes(title).length != 0) stored.title = title;

        emit RoomCreated(roomId, host, ref, ingest, access, keepRecording, title, hostKey);
    }

    /// @inheritdoc IRoomRegistry
    function endRoom(uint96 roomId) external {
        address caller = _msgSender();
        Core memory core = _openRoom(roomId);

        if (caller != core.host && !_mayEnd(caller, core.createdAt)) {
            revert MayNotEnd(roomId, caller);
        }
        _close(roomId, core, STATE_ENDED);
        emit RoomEnded(roomId, caller);
    }

    // ------------------------------------------------------------------ host

    /// @inheritdoc IRoomRegistry
    function updateRoom(uint96 roomId, string calldata title) external {
        _hostsRoom(roomId);
        _checkTitle(bytes(title).length, _config.maxTitle);
        _rooms[roomId].title = title;
        emit RoomUpdated(roomId, title);
    }

    /// @inheritdoc IRoomRegistry
    function setRecording(uint96 roomId, bool keep) external {
        _hostsRoom(roomId);
        _rooms[roomId].core.keepRecording = keep;
        emit RecordingSet(roomId, keep);
    }

    /// @inheritdoc IRoomRegistry
    function setRecordingDays(uint96 roomId, uint16 numDays) external {
        _hostsRoom(roomId);
        emit RecordingDaysSet(roomId, numDays);
    }

    /// @inheritdoc IRoomRegistry
    function rotateKey(uint96 roomId, bytes calldata hostKey) external {
        _hostsRoom(roomId);
        _checkKey(hostKey);
        uint32 epoch = _nextEpoch(roomId);
        if (epoch == 0) revert EpochsExhausted(roomId);
        emit KeyRotated(roomId, epoch, hostKey);
    }

    /// @inheritdoc IRoomRegistry
    function addOutput(uint96 roomId, bytes calldata sealedTarget) external returns (uint32 outputId) {
        Core memory core = _hostsRoom(roomId);

        if (core.ingest == INGEST_WEBRTC) revert OutputsNotOffered(roomId);
        if (sealedTarget.length == 0 || sealedTarget.length > MAX_TARGET) {
            revert BadTarget(sealedTarget.length);
        }
        if (core.outputCount >= MAX_OUTPUTS || core.lastOutputId == type(uint16).max) {
            revert TooManyOutputs(roomId);
        }
        core.outputCount += 1;
        core.lastOutputId += 1;
        outputId = core.lastOutputId;
        _rooms[roomId].core = core;
        _outputs[roomId][outputId] = OUTPUT_ENABLED;
        emit OutputAdded(roomId, outputId, sealedTarget);
    }

    /// @inheritdoc IRoomRegistry
    function setOutput(uint96 roomId, uint32 outputId, bool enabled) external {
        _hostsRoom(roomId);
        if (_outputs[roomId][outputId] == OUTPUT_NONE) revert UnknownOutput(roomId, outputId);
        _outputs[roomId][outputId] = enabled ? OUTPUT_ENABLED : OUTPUT_DISABLED;
        emit OutputSet(roomId, outputId, enabled);
    }

    /// @inheritdoc IRoomRegistry
    function removeOutput(uint96 roomId, uint32 outputId) external {
        Core memory core = _hostsRoom(roomId);
        if (_outputs[roomId][outputId] == OUTPUT_NONE) revert UnknownOutput(roomId, outputId);
        _outputs[roomId][outputId] = OUTPUT_NONE;
        _rooms[roomId].core.outputCount = core.outputCount - 1;
        emit OutputRemoved(roomId, outputId);
    }

    // ---------------------------------------------------------------- bridge

    /// @inheritdoc IRoomRegistry
    function provision(Provision[] calldata entries) external onlyRole(BRIDGE_ROLE) {
        for (uint256 i = 0; i < entries.length; ++i) {
            Provision calldata entry = entries[i];
            StoredRoom storage stored = _rooms[entry.roomId];
            Link memory link = stored.link;

            uint8 reason = _skipProvision(entry, stored.core.state, link);
            if (reason != FITS) {
                emit ProvisionSkipped(entry.roomId, reason);
                continue;
            }
            stored.link = Link({
                inputUid: entry.inputUid,
                credentialHash: entry.credentialHash,
                rotations: link.rotations,
                provisionedEpoch: uint24(entry.epoch),
                originId: entry.originId
            });
            emit RoomProvisioned(
                entry.roomId,
                entry.epoch,
                entry.originId,
                entry.inputUid,
                entry.credentialHash,
                entry.envelope
            );
        }
    }

    /// @inheritdoc IRoomRegistry
    function fail(Failure[] calldata entries) external onlyRole(BRIDGE_ROLE) {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint96 roomId = entries[i].roomId;
            Core memory core = _rooms[roomId].core;

            uint8 reason = _skipClosed(core.state);
            if (reason != FITS) {
                emit ProvisionSkipped(roomId, reason);
                continue;
            }
            _close(roomId, core, STATE_FAILED);
            emit RoomFailed(roomId, entries[i].code);
        }
    }

    /// @inheritdoc IRoomRegistry
    function reissue(uint96 roomId, uint8 code) external onlyRole(BRIDGE_ROLE) {
        uint32 epoch = 0;
        uint8 reason = _skipClosed(_rooms[roomId].core.state);

        if (reason == FITS) {
            epoch = _nextEpoch(roomId);
            if (epoch == 0) reason = SKIP_LAST_EPOCH;
        }
        if (reason == FITS) emit Reissued(roomId, epoch, code);
        else emit ProvisionSkipped(roomId, reason);
    }

    /// @inheritdoc IRoomRegistry
    function endRooms(uint96[] calldata roomIds) external onlyRole(BRIDGE_ROLE) {
        for (uint256 i = 0; i < roomIds.length; ++i) {
            uint96 roomId = roomIds[i];
            Core memory core = _rooms[roomId].core;

            uint8 reason = _skipClosed(core.state);
            if (reason != FITS) {
                emit ProvisionSkipped(roomId, reason);
                continue;
            }
            _close(roomId, core, STATE_ENDED);
            emit RoomEnded(roomId, _msgSender());
        }
    }

    /// @inheritdoc IRoomRegistry
    function refuseOutputs(OutputRefusal[] calldata entries) external onlyRole(BRIDGE_ROLE) {
        for (uint256 i = 0; i < entries.length; ++i) {
            OutputRefusal calldata entry = entries[i];

            uint8 reason = _skipClosed(_rooms[entry.roomId].core.state);
            if (reason == FITS && _outputs[entry.roomId][entry.outputId] == OUTPUT_NONE) {
                reason = SKIP_UNKNOWN_OUTPUT;
            }
            if (reason == FITS) emit OutputRefused(entry.roomId, entry.outputId, entry.code);
            else emit ProvisionSkipped(entry.roomId, reason);
        }
    }

    /// @inheritdoc IRoomRegistry
    function recordingReady(Recording[] calldata entries) external onlyRole(BRIDGE_ROLE) {
        for (uint256 i = 0; i < entries.length; ++i) {
            Recording calldata entry = entries[i];

            uint8 reason = FITS;
            if (_rooms[entry.roomId].core.state == STATE_NONE) reason = SKIP_UNKNOWN_ROOM;
            else if (!_isOrigin(entry.originId)) reason = SKIP_UNKNOWN_ORIGIN;
            else if (entry.videoUid == 0) reason = SKIP_ZERO_UID;

            if (reason == FITS) emit RecordingReady(entry.roomId, entry.originId, entry.videoUid);
            else emit ProvisionSkipped(entry.roomId, reason);
        }
    }

    // ----------------------------------------------------------------- admin

    /// @inheritdoc IRoomRegistry
    function addOrigin(string calldata prefix, string[] calldata suffixes)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
        returns (uint16 originId)
    {
        if (bytes(prefix).length == 0 || bytes(prefix).length > MAX_PREFIX) revert BadOrigin();
        if (suffixes.length == 0 || suffixes.length > MAX_SUFFIXES) revert BadOrigin();
        if (_originCount == type(uint16).max) revert TooManyOrigins();

        originId = ++_originCount;
        Origin storage stored = _origins[originId];
        stored.prefix = prefix;
        for (uint256 i = 0; i < suffixes.length; ++i) {
            if (bytes(suffixes[i]).length > MAX_SUFFIX) revert BadOrigin();
            stored.suffixes.push(suffixes[i]);
        }
        emit OriginAdded(originId, prefix, suffixes);
    }

    /// @inheritdoc IRoomRegistry
    function setLimits(
        uint32 maxOpenPerHost,
        uint32 maxOpenTotal,
        uint32 maxAge,
        uint16 maxTitle,
        uint128 fee
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setLimits(maxOpenPerHost, maxOpenTotal, maxAge, maxTitle, fee);
    }

    /// @inheritdoc IRoomRegistry
    function setBridgeKey(uint16 keyId, bytes calldata key) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (keyId == 0 || _keyIdUsed[keyId]) revert BadKeyId(keyId);
        _checkKey(key);
        _keyIdUsed[keyId] = true;
        _bridgeKeyId = keyId;
        _bridgeKey = key;
        emit BridgeKeySet(keyId, key);
    }

    /// @inheritdoc IRoomRegistry
    function pause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_config.paused) revert PauseUnchanged();
        _config.paused = true;
        emit Paused(_msgSender());
    }

    /// @inheritdoc IRoomRegistry
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_config.paused) revert PauseUnchanged();
        _config.paused = false;
        emit Unpaused(_msgSender());
    }

    /// @inheritdoc IRoomRegistry
    function withdraw(address payable to, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (to == address(0)) revert WithdrawFailed();
        emit Withdrawn(to, amount);
        (bool paid,) = to.call{value: amount}("");
        if (!paid) revert WithdrawFailed();
    }

    // ----------------------------------------------------------------- views

    /// @inheritdoc IRoomRegistry
    function room(uint96 roomId) external view returns (Room memory) {
        StoredRoom storage stored = _rooms[roomId];
        Core memory core = stored.core;
        Link memory link = stored.link;

        return Room({
            host: core.host,
            state: core.state,
            ingest: core.ingest,
            access: core.access,
            keepRecording: core.keepRecording,
            createdAt: core.createdAt,
            epoch: core.state == STATE_NONE ? 0 : _epochOf(link),
            provisionedEpoch: link.provisionedEpoch,
            originId: link.originId,
            inputUid: link.inputUid,
            credentialHash: link.credentialHash,
            outputCount: core.outputCount,
            title: stored.title
        });
    }

    /// @inheritdoc IRoomRegistry
    function playback(uint96 roomId)
        external
        view
        returns (string memory hls, string memory dash, string memory webrtc)
    {
        return (url(roomId, URL_HLS), url(roomId, URL_DASH), url(roomId, URL_WEBRTC));
    }

    /// @inheritdoc IRoomRegistry
    function url(uint96 roomId, uint8 kind) public view returns (string memory) {
        StoredRoom storage stored = _rooms[roomId];
        Link memory link = stored.link;

        if (stored.core.state != STATE_OPEN || link.provisionedEpoch == 0) return "";
        if (!_offers(stored.core.ingest, kind)) return "";
        Origin storage from = _origins[link.originId];
        if (kind >= from.suffixes.length) return "";
        string memory suffix = from.suffixes[kind];
        if (bytes(suffix).length == 0) return "";
        return string.concat(from.prefix, string(_hex(link.inputUid)), suffix);
    }

    /// @inheritdoc IRoomRegistry
    function hostInfo(address host) external view returns (uint32 openRooms) {
        return _openOf[host];
    }

    /// @inheritdoc IRoomRegistry
    function openTotal() external view returns (uint32) {
        return _config.openTotal;
    }

    /// @inheritdoc IRoomRegistry
    function outputState(uint96 roomId, uint32 outputId) external view returns (uint8) {
        return _outputs[roomId][outputId];
    }

    /// @inheritdoc IRoomRegistry
    function bridgeKey() external view returns (uint16 keyId, bytes memory key) {
        return (_bridgeKeyId, _bridgeKey);
    }

    /// @inheritdoc IRoomRegistry
    function limits()
        external
        view
        returns (uint32 maxOpenPerHost, uint32 maxOpenTotal, uint32 maxAge, uint16 maxTitle, uint128 fee)
    {
        Config memory config = _config;
        return (config.maxOpenPerHost, config.maxOpenTotal, config.maxAge, config.maxTitle, config.fee);
    }

    /// @inheritdoc IRoomRegistry
    function origin(uint16 originId)
        external
        view
        returns (string memory prefix, string[] memory suffixes)
    {
        Origin storage stored = _origins[originId];
        return (stored.prefix, stored.suffixes);
    }

    /// @inheritdoc IRoomRegistry
    function originCount() external view returns (uint16) {
        return _originCount;
    }

    /// @inheritdoc IRoomRegistry
    function roomIdOf(address host, uint8 ingest, bytes calldata hostKey) public view returns (uint96) {
        bytes32 hash = keccak256(abi.encode(block.chainid, address(this), host, ingest, hostKey));
        return uint96(bytes12(hash));
    }

    /// @inheritdoc IRoomRegistry
    function paused() external view returns (bool) {
        return _config.paused;
    }

    /// @inheritdoc IRoomRegistry
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    // -------------------------------------------------------------- internal

    /// @dev Checks what createRoom owes and counts the new room.
    function _takePlace(address host, uint256 titleLength) private {
        Config memory config = _config;
        uint32 open = _openOf[host];

        if (config.paused) revert CreationPaused();
        if (msg.value != config.fee) revert WrongFee(msg.value, config.fee);
        _checkTitle(titleLength, config.maxTitle);
        if (open >= config.maxOpenPerHost) revert TooManyOpenPerHost(config.maxOpenPerHost);
        if (config.openTotal >= config.maxOpenTotal) revert TooManyOpenTotal(config.maxOpenTotal);
        unchecked {
            // both are below a uint32 limit
            _openOf[host] = open + 1;
            _config.openTotal = config.openTotal + 1;
        }
    }

    /// @dev The only way out of the open state. `core` is the room's, as read.
    function _close(uint96 roomId, Core memory core, uint8 state) private {
        _rooms[roomId].core.state = state;
        unchecked {
            // an open room has been counted in both
            _openOf[core.host] -= 1;
            _config.openTotal -= 1;
        }
    }

    function _setLimits(
        uint32 maxOpenPerHost,
        uint32 maxOpenTotal,
        uint32 maxAge,
        uint16 maxTitle,
        uint128 fee
    ) private {
        if (maxTitle > MAX_TITLE || fee > type(uint104).max) revert LimitTooHigh();
        Config storage config = _config;
        config.maxOpenPerHost = maxOpenPerHost;
        config.maxOpenTotal = maxOpenTotal;
        config.maxAge = maxAge;
        config.maxTitle = maxTitle;
        config.fee = uint104(fee);
        emit LimitsSet(maxOpenPerHost, maxOpenTotal, maxAge, maxTitle, fee);
    }

    /// @dev The new epoch, or 0 if the room has had its last.
    function _nextEpoch(uint96 roomId) private returns (uint32) {
        Link storage link = _rooms[roomId].link;
        uint24 rotations = link.rotations;

        if (rotations >= type(uint24).max - 1) return 0;
        link.rotations = rotations + 1;
        return uint32(rotations) + 2;
    }

    function _openRoom(uint96 roomId) private view returns (Core memory core) {
        core = _rooms[roomId].core;
        if (core.state != STATE_OPEN) revert RoomNotOpen(roomId, core.state);
    }

    function _hostsRoom(uint96 roomId) private view returns (Core memory core) {
        core = _openRoom(roomId);
        if (_msgSender() != core.host) revert NotHost(roomId, _msgSender());
    }

    function _mayEnd(address caller, uint40 createdAt) private view returns (bool) {
        uint256 maxAge = _config.maxAge;

        if (maxAge != 0 && block.timestamp > uint256(createdAt) + maxAge) return true;
        return hasRole(MODERATOR_ROLE, caller) || hasRole(BRIDGE_ROLE, caller);
    }

    function _skipProvision(Provision calldata entry, uint8 state, Link memory link)
        private
        view
        returns (uint8)
    {
        uint8 closed = _skipClosed(state);
        if (closed != FITS) return closed;
        uint32 epoch = _epochOf(link);
        if (entry.epoch < epoch) return SKIP_STALE_EPOCH;
        if (entry.epoch > epoch) return SKIP_FUTURE_EPOCH;
        if (link.provisionedEpoch == epoch) return SKIP_PROVISIONED;
        if (!_isOrigin(entry.originId)) return SKIP_UNKNOWN_ORIGIN;
        if (entry.envelope.length == 0 || entry.envelope.length > MAX_ENVELOPE) return SKIP_ENVELOPE;
        if (entry.inputUid == 0) return SKIP_ZERO_UID;
        return FITS;
    }

    function _skipClosed(uint8 state) private pure returns (uint8) {
        if (state == STATE_NONE) return SKIP_UNKNOWN_ROOM;
        return state == STATE_OPEN ? FITS : SKIP_NOT_OPEN;
    }

    function _isOrigin(uint16 originId) private view returns (bool) {
        return originId != 0 && originId <= _originCount;
    }

    function _epochOf(Link memory link) private pure returns (uint32) {
        return uint32(link.rotations) + 1;
    }

    /// @dev WebRTC ingest plays by WebRTC only and has no viewer count; the
    /// others never play by WebRTC. Kinds past the thumbnail are the origin's.
    function _offers(uint8 ingest, uint8 kind) private pure returns (bool) {
        if (ingest != INGEST_WEBRTC) return kind != URL_WEBRTC;
        return kind == URL_WEBRTC || kind == URL_LIFECYCLE || kind > URL_THUMBNAIL;
    }

    function _checkTitle(uint256 length, uint256 limit) private pure {
        if (length > limit) revert TitleTooLong(length, limit);
    }

    /// @dev Length and suite; that a point is on its curve the bridge checks.
    function _checkKey(bytes calldata key) private pure {
        if (key.length == 34 && key[0] == 0x01 && (key[1] == 0x02 || key[1] == 0x03)) return;
        if (key.length == 33 && key[0] == 0x02) return;
        revert BadKey();
    }

    function _hex(bytes16 uid) private pure returns (bytes memory out) {
        bytes16 digits = "0123456789abcdef";
        out = new bytes(32);
        for (uint256 i = 0; i < 16; ++i) {
            uint8 value = uint8(uid[i]);
            out[2 * i] = digits[value >> 4];
            out[2 * i + 1] = digits[value & 0x0f];
        }
    }

    function _msgSender() internal view override(Context, ERC2771Context) returns (address) {
        return ERC2771Context._msgSender();
    }

    function _msgData() internal view override(Context, ERC2771Context) returns (bytes calldata) {
        return ERC2771Context._msgData();
    }

    function _contextSuffixLength() internal view override(Context, ERC2771Context) returns (uint256) {
        return ERC2771Context._contextSuffixLength();
    }
}
