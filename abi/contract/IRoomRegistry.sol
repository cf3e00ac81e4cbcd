// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title The room registry: what dApps, hosts and the bridge may say and hear
/// @notice A room is one live stream. Hosts create and end rooms here; the
/// bridge answers with a playback address and with ingest credentials that are
/// sealed to the host's key. Nothing here holds a secret.
///
/// Numbers that are stored off chain and therefore never change their meaning:
///
/// - ingest: 0 RTMPS, 1 SRT, 2 WebRTC (WHIP)
/// - access: 0 public, 1 signed (playback needs a token)
/// - state:  0 none, 1 open, 2 failed, 3 ended
/// - URL kind: 0 hls, 1 dash, 2 webrtc, 3 iframe, 4 lifecycle, 5 views,
///   6 thumbnail; an origin may add kinds from 7 on
/// - failure code: 1 host key malformed, 2 host key not on its curve,
///   3 refused by policy, 4 provider rejected the input, 5 provider quota
///   exhausted, 6 undecodable event
/// - reissue code: 1 credentials lost, 2 credentials changed at the provider,
///   3 input replaced
/// - output refusal code: 0 none: served after all, 1 the sealed target is
///   malformed, 2 sealed to a key that the bridge has not, 3 refused by policy,
///   4 provider rejected the output, 5 sealed for another room, host or chain,
///   6 not an rtmp, rtmps or srt address
/// - skip reason: 1 unknown room, 2 room not open, 3 stale epoch, 4 future
///   epoch, 5 already provisioned for this epoch, 6 unknown origin, 7 envelope
///   empty or too long, 8 zero uid, 9 the room has had its last epoch,
///   10 unknown output
///
/// The contract does not limit failure, reissue and refusal codes to those
/// above, so that later ones need no new contract.
interface IRoomRegistry {
    /// @notice What the chain knows of a room; all zero for an unknown id.
    /// @param createdAt block time of creation, in seconds
    /// @param epoch counts the room's host keys and reissues, from 1
    /// @param provisionedEpoch newest epoch whose credentials the host was
    /// given; the room waits for the bridge while it is below `epoch`
    /// @param credentialHash first 8 bytes of SHA-256 over the credentials
    struct Room {
        address host;
        uint8 state;
        uint8 ingest;
        uint8 access;
        bool keepRecording;
        uint40 createdAt;
        uint32 epoch;
        uint32 provisionedEpoch;
        uint16 originId;
        bytes16 inputUid;
        bytes8 credentialHash;
        uint32 outputCount;
        string title;
    }

    struct Provision {
        uint96 roomId;
        uint32 epoch;
        uint16 originId;
        bytes16 inputUid;
        bytes8 credentialHash;
        bytes envelope;
    }

    struct Failure {
        uint96 roomId;
        uint8 code;
    }

    struct Recording {
        uint96 roomId;
        uint16 originId;
        bytes16 videoUid;
    }

    struct OutputRefusal {
        uint96 roomId;
        uint32 outputId;
        uint8 code;
    }

    /// @notice A room was created; it is open and waits for epoch 1.
    event RoomCreated(
        uint96 indexed roomId,
        address indexed host,
        bytes32 indexed ref,
        uint8 ingest,
        uint8 access,
        bool keepRecording,
        string title,
        bytes hostKey
    );
    /// @notice The host gave the room a new title.
    event RoomUpdated(uint96 indexed roomId, string title);
    /// @notice The host chose to keep or to discard recordings.
    event RecordingSet(uint96 indexed roomId, bool keep);
    /// @notice The host chose for how many days recordings stay; the newest
    /// number holds, and 0 is the operator's setting.
    event RecordingDaysSet(uint96 indexed roomId, uint16 numDays);
    /// @notice The host has a new key; new credentials are due for `epoch`.
    event KeyRotated(uint96 indexed roomId, uint32 epoch, bytes hostKey);
    /// @notice The bridge renews credentials for the same host key.
    event Reissued(uint96 indexed roomId, uint32 epoch, uint8 code);
    /// @notice A restream target was added, sealed to the bridge's key.
    event OutputAdded(uint96 indexed roomId, uint32 outputId, bytes sealedTarget);
    /// @notice A restream target was switched on or off.
    event OutputSet(uint96 indexed roomId, uint32 outputId, bool enabled);
    /// @notice A restream target was removed.
    event OutputRemoved(uint96 indexed roomId, uint32 outputId);
    /// @notice A restream target is not served, and why; the newest code holds,
    /// and 0 takes an earlier one back.
    event OutputRefused(uint96 indexed roomId, uint32 outputId, uint8 code);
    /// @notice The room ended; final.
    event RoomEnded(uint96 indexed roomId, address indexed by);
    /// @notice The room has a live input, and the host sealed credentials.
    event RoomProvisioned(
        uint96 indexed roomId,
        uint32 epoch,
        uint16 originId,
        bytes16 inputUid,
        bytes8 credentialHash,
        bytes envelope
    );
    /// @notice An entry of the bridge no longer fitted; nothing changed.
    event ProvisionSkipped(uint96 indexed roomId, uint8 reason);
    /// @notice The room can not be served; final.
    event RoomFailed(uint96 indexed roomId, uint8 code);
    /// @notice A recording of the room can be watched.
    event RecordingReady(uint96 indexed roomId, uint16 originId, bytes16 videoUid);
    /// @notice An origin was added; it never changes and never goes.
    event OriginAdded(uint16 indexed originId, string prefix, string[] suffixes);
    /// @notice The admin set the limits.
    event LimitsSet(
        uint32 maxOpenPerHost, uint32 maxOpenTotal, uint32 maxAge, uint16 maxTitle, uint128 fee
    );
    /// @notice Restream targets are to be sealed to this key from now on.
    event BridgeKeySet(uint16 keyId, bytes key);
    /// @notice Fees were paid out.
    event Withdrawn(address indexed to, uint256 amount);
    /// @notice The creation of rooms was paused.
    event Paused(address account);
    /// @notice The creation of rooms was resumed.
    event Unpaused(address account);

    /// @notice Rooms can not be created at present.
    error CreationPaused();
    /// @notice `pause` while paused, or `unpause` while not.
    error PauseUnchanged();
    /// @notice `ingest` is none of the numbers above.
    error BadIngest(uint8 ingest);
    /// @notice `access` is none of the numbers above.
    error BadAccess(uint8 access);
    /// @notice Not `01 ‖ 02|03 ‖ X` (34 bytes) nor `02 ‖ X25519` (33 bytes).
    error BadKey();
    /// @notice The title is longer than `limit` bytes.
    error TitleTooLong(uint256 length, uint256 limit);
    /// @notice The value sent is not the fee.
    error WrongFee(uint256 sent, uint256 fee);
    /// @notice This host, ingest and key have made a room before.
    error RoomExists(uint96 roomId);
    /// @notice The host has as many open rooms as it may.
    error TooManyOpenPerHost(uint32 limit);
    /// @notice The registry has as many open rooms as it may.
    error TooManyOpenTotal(uint32 limit);
    /// @notice The room is unknown, failed or ended.
    error RoomNotOpen(uint96 roomId, uint8 state);
    /// @notice Only the room's host may do this.
    error NotHost(uint96 roomId, address caller);
    /// @notice The caller may not end this room (yet).
    error MayNotEnd(uint96 roomId, address caller);
    /// @notice The room has had its last epoch.
    error EpochsExhausted(uint96 roomId);
    /// @notice The provider can not restream WebRTC.
    error OutputsNotOffered(uint96 roomId);
    /// @notice The room has as many outputs as it may, or ever may.
    error TooManyOutputs(uint96 roomId);
    /// @notice The sealed target is empty or too long.
    error BadTarget(uint256 length);
    /// @notice The room has no such output.
    error UnknownOutput(uint96 roomId, uint32 outputId);
    /// @notice Prefix or suffixes are empty, too long or too many.
    error BadOrigin();
    /// @notice No further origin fits.
    error TooManyOrigins();
    /// @notice A limit is above what the contract can hold.
    error LimitTooHigh();
    /// @notice Key id 0, or one that was used before.
    error BadKeyId(uint16 keyId);
    /// @notice The receiver refused, is zero, or the balance is too low.
    error WithdrawFailed();

    /// @notice Create a room. Its id is known beforehand: `roomIdOf`.
    /// @dev Emits RoomCreated. Reverts: CreationPaused, BadIngest, BadAccess,
    /// BadKey, TitleTooLong, WrongFee, RoomExists, TooManyOpenPerHost,
    /// TooManyOpenTotal.
    /// @param ingest how the host will send: 0 RTMPS, 1 SRT, 2 WebRTC
    /// @param access who may watch: 0 public, 1 signed
    /// @param keepRecording false: recordings are deleted when the room ends
    /// @param ref free for the dApp; lets several share one registry
    /// @param title bytes as sent; need not be UTF-8
    /// @param hostKey suite byte and public key to seal the credentials to
    /// @return roomId the new room's id
    function createRoom(
        uint8 ingest,
        uint8 access,
        bool keepRecording,
        bytes32 ref,
        string calldata title,
        bytes calldata hostKey
    ) external payable returns (uint96 roomId);

    /// @notice Host: change the title of an open room.
    /// @dev Emits RoomUpdated. Reverts: RoomNotOpen, NotHost, TitleTooLong.
    function updateRoom(uint96 roomId, string calldata title) external;

    /// @notice Host: keep or discard the recordings of an open room.
    /// @dev Emits RecordingSet. Reverts: RoomNotOpen, NotHost.
    function setRecording(uint96 roomId, bool keep) external;

    /// @notice Host: say for how many days the recordings of an open room stay.
    /// It is about recordings that become ready from then on, of broadcasts
    /// that begin after the provider was told: each is deleted so many days
    /// after it was ready. Those that are ready keep their date.
    /// @dev Emits RecordingDaysSet. Nothing is stored: what holds is the newest
    /// event. Reverts: RoomNotOpen, NotHost.
    /// @param numDays 0: as the operator has it, as in every new room. Any
    /// other number is taken to the nearest that the provider offers
    /// (Cloudflare: 30 to 1096).
    function setRecordingDays(uint96 roomId, uint16 numDays) external;

    /// @notice Host: have new credentials made and sealed to another key.
    /// @dev Emits KeyRotated. The room keeps its playback meanwhile. Reverts:
    /// RoomNotOpen, NotHost, BadKey, EpochsExhausted.
    function rotateKey(uint96 roomId, bytes calldata hostKey) external;

    /// @notice Host: restream to a target, sealed to `bridgeKey()`.
    /// @dev Emits OutputAdded; the output starts enabled. Reverts: RoomNotOpen,
    /// NotHost, OutputsNotOffered, BadTarget, TooManyOutputs.
    /// @param sealedTarget key id (2 bytes), suite byte, envelope
    /// @return outputId from 1, never used twice in a room
    function addOutput(uint96 roomId, bytes calldata sealedTarget) external returns (uint32 outputId);

    /// @notice Host: switch an output on or off.
    /// @dev Emits OutputSet. Reverts: RoomNotOpen, NotHost, UnknownOutput.
    function setOutput(uint96 roomId, uint32 outputId, bool enabled) external;

    /// @notice Host: remove an output.
    /// @dev Emits OutputRemoved. Reverts: RoomNotOpen, NotHost, UnknownOutput.
    function removeOutput(uint96 roomId, uint32 outputId) external;

    /// @notice End an open room: its host, a moderator, the bridge, and anyone
    /// once the room is older than `maxAge` seconds (where that is not 0).
    /// @dev Emits RoomEnded. Reverts: RoomNotOpen, MayNotEnd.
    function endRoom(uint96 roomId) external;

    /// @notice Bridge: give rooms their live input and sealed credentials.
    /// @dev Emits RoomProvisioned, or ProvisionSkipped (reasons 1 to 8), for
    /// each entry, in order. An entry's state never reverts the batch.
    function provision(Provision[] calldata entries) external;

    /// @notice Bridge: say that rooms can not be served.
    /// @dev Emits RoomFailed, or ProvisionSkipped (reasons 1, 2), for each.
    function fail(Failure[] calldata entries) external;

    /// @notice Bridge: open a new epoch for the same host key.
    /// @dev Emits Reissued, or ProvisionSkipped (reasons 1, 2, 9), so that a
    /// room that ended meanwhile does not revert the bridge's transaction.
    function reissue(uint96 roomId, uint8 code) external;

    /// @notice Bridge: end rooms, as `endRoom` does, whose hosts the operator
    /// serves no longer.
    /// @dev Emits RoomEnded, or ProvisionSkipped (reasons 1, 2), for each, so
    /// that a room that ended meanwhile does not revert the others.
    function endRooms(uint96[] calldata roomIds) external;

    /// @notice Bridge: say that outputs of open rooms are not served, and why.
    /// @dev Emits OutputRefused, or ProvisionSkipped (reasons 1, 2, 10), for
    /// each. Nothing is stored: the output stays the host's to remove.
    function refuseOutputs(OutputRefusal[] calldata entries) external;

    /// @notice Bridge: announce recordings, also of rooms that have ended.
    /// @dev Emits RecordingReady, or ProvisionSkipped (reasons 1, 6, 8), for
    /// each. Nothing is stored: saying it twice is harmless.
    function recordingReady(Recording[] calldata entries) external;

    /// @notice Admin: add an origin, for ever. url = prefix ‖ uid as 32 lower
    /// hex digits ‖ suffix.
    /// @dev Emits OriginAdded. Reverts: BadOrigin, TooManyOrigins.
    /// @param suffixes by URL kind; an empty or missing one is not offered
    /// @return originId from 1
    function addOrigin(string calldata prefix, string[] calldata suffixes) external returns (uint16 originId);

    /// @notice Admin: set the limits. They concern new rooms and titles only,
    /// save `maxAge`, which concerns every open room.
    /// @dev Emits LimitsSet. Reverts: LimitTooHigh (maxTitle above 1024 or fee
    /// above 2^104 - 1).
    /// @param maxOpenPerHost open rooms that one host may have; 0: none
    /// @param maxOpenTotal open rooms in all; 0: none
    /// @param maxAge seconds after which anyone may end a room; 0: never
    /// @param maxTitle bytes that a title may have
    /// @param fee wei that createRoom must carry, exactly
    function setLimits(
        uint32 maxOpenPerHost,
        uint32 maxOpenTotal,
        uint32 maxAge,
        uint16 maxTitle,
        uint128 fee
    ) external;

    /// @notice Admin: have restream targets sealed to another key.
    /// @dev Emits BridgeKeySet. Reverts: BadKeyId, BadKey.
    function setBridgeKey(uint16 keyId, bytes calldata key) external;

    /// @notice Admin: pause the creation of rooms, and nothing else.
    /// @dev Emits Paused. Reverts: PauseUnchanged.
    function pause() external;

    /// @notice Admin: resume the creation of rooms.
    /// @dev Emits Unpaused. Reverts: PauseUnchanged.
    function unpause() external;

    /// @notice Admin: pay out fees.
    /// @dev Emits Withdrawn. Reverts: WithdrawFailed.
    function withdraw(address payable to, uint256 amount) external;

    /// @notice All that is stored of a room; the zero state if unknown.
    function room(uint96 roomId) external view returns (Room memory);

    /// @notice The addresses at which an open, provisioned room plays. HLS and
    /// DASH for RTMPS and SRT rooms, WebRTC (WHEP) for WebRTC rooms; the rest,
    /// and every one of any other room, is empty.
    function playback(uint96 roomId)
        external
        view
        returns (string memory hls, string memory dash, string memory webrtc);

    /// @notice One URL of a room, by kind; empty where it would not work: the
    /// room is not open or was never provisioned, its ingest or its origin does
    /// not offer the kind, or the kind is unknown.
    function url(uint96 roomId, uint8 kind) external view returns (string memory);

    /// @notice How many open rooms a host has.
    function hostInfo(address host) external view returns (uint32 openRooms);

    /// @notice How many rooms are open in all.
    function openTotal() external view returns (uint32);

    /// @notice State of an output: 0 none or removed, 1 enabled, 2 disabled.
    function outputState(uint96 roomId, uint32 outputId) external view returns (uint8);

    /// @notice The key to seal restream targets to; id 0 while there is none.
    function bridgeKey() external view returns (uint16 keyId, bytes memory key);

    /// @notice The limits, as `setLimits` takes them.
    function limits()
        external
        view
        returns (uint32 maxOpenPerHost, uint32 maxOpenTotal, uint32 maxAge, uint16 maxTitle, uint128 fee);

    /// @notice An origin; empty if there is none of this id.
    function origin(uint16 originId) external view returns (string memory prefix, string[] memory suffixes);

    /// @notice How many origins there are; their ids are 1 to this.
    function originCount() external view returns (uint16);

    /// @notice The id that `createRoom` gives to a room of this host, ingest
    /// and key on this chain and contract.
    function roomIdOf(address host, uint8 ingest, bytes calldata hostKey) external view returns (uint96);

    /// @notice Whether the creation of rooms is paused.
    function paused() external view returns (bool);

    /// @notice The contract's version.
    function version() external pure returns (string memory);
}
